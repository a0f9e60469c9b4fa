/* A program with the note that Go's linker writes, as a dynamically linked Go program has it. */
__asm__(".section .note.go.buildid,\"a\",@note\n.long 4, 4, 4\n.ascii \"Go\\0\\0\"\n.ascii \"test\"\n.previous");
int main(void) { return 0; }
