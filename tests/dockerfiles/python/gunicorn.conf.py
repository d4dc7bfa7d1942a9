gunicorn.conf.py
