// What the command line prints. Not for the operator, which logs.
#pragma once
#include "base/error.h"

#include <string_view>

namespace gitsync::app {

/// To standard output as it stands: text of our own, or of the user's files.
void print(std::string_view text);
/// The same redacted: everything that an API server sent.
void print_redacted(std::string_view text);
/// To standard error, redacted: progress and hints beside the output.
void print_note(std::string_view text);
/// "error: GS404 GitSync shop/api: …" to standard error.
void print_error(const Error& error);
/// False once standard output could not be written to (a closed pipe, a full disk).
bool printed_all();

} // namespace gitsync::app
