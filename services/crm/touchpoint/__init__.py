"""The sixteen places where the company and its customers meet."""
