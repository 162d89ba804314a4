"""One process of a script, on the kernel of this machine. It does what it is told over a socket, and says what came of it.

serve.py    the processes: the first one, its forks, and who ends them
memory.py   mappings, stores, loads
holders.py  who holds a page: pipe, registered buffer, disk transfer
looks.py    what can be seen of a page without touching it
system.py   system calls that Python does not offer

Standard library and ctypes only, and nothing of the model: it is run by `python -I -S`, in processes of its own.
"""
