// gitsync: the operator and the command line for people, by the first argument.
#include "app/command_line.h"

int main(int argc, char** argv) { return gitsync::app::main(argc, argv); }
