/* test-tool's measuring half. */
#ifndef TEST_TOOL_H
#define TEST_TOOL_H

/* Run argv; write wall and CPU seconds and peaks of private memory to file. Returns the command's
 * exit code. */
int tool_run(const char *file, char **argv);

#endif
