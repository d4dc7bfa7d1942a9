lib/a.c
