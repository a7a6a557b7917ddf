// gitsync: the operator, the command line for people, and the git worker, by the first argument.
#include "app/command_line.h"

int main(int argc, char** argv) { return gitsync::app::main(argc, argv); }
