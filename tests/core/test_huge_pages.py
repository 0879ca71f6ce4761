import os
import subprocess
import sys

PROGRAM = """
import os
from gridfold.core.process.huge_pages import use_huge_pages
memory = bytearray(os.urandom(1 << 20) * 96)
before = hash(bytes(memory))
use_huge_pages()
child = os.fork()
if child == 0:
    memory[0] ^= 1
    os._exit(hash(bytes(memory)) == before)
assert os.waitpid(child, 0)[1] == 0
assert hash(bytes(memory)) == before
"""


def test_memory_is_the_same_in_huge_pages():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, env={**os.environ, "PYTHONHASHSEED": "0"}, timeout=60)
