#include "app/terminal.h"

#include "base/secret.h"
#include "base/text.h"

#include <cerrno>
#include <unistd.h>

namespace gitsync::app {
namespace {

bool all_printed = true;

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

} // namespace

void print(std::string_view text) { all_printed = all_printed && write_all(STDOUT_FILENO, text); }
void print_redacted(std::string_view text) { print(redact(text)); }
void print_note(std::string_view text) { write_all(STDERR_FILENO, redact(text)); }
void print_error(const Error& error) { print_note(cat("error: ", error.text(), "\n")); }
bool printed_all() { return all_printed; }

} // namespace gitsync::app
