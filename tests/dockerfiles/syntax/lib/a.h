lib/a.h
