app/main.py
