"""What this project adds to MiniStack; see launcher.py."""
