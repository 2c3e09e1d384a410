"""The yearly maintenance of partners: evaluated from settled data, decided, renewed or ended."""
