tests/test_main.py
