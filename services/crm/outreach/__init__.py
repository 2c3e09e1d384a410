"""The life of an offer after it was made: shown, answered, withdrawn, expired."""
