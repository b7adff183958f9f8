"""How good the pictures are: this service's fit policies beside what others do with the same limit."""
