x = '''abc
'
'a\
