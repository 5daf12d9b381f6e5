def f(x):
    return x+1

if x:
	f(1)
  y
