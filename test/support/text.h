// Small text helpers of the tests; none of the operator's code, so that a mistake there cannot hide itself here.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gitsync::test {

std::string base64_encode(std::string_view bytes);
/// Ignores line breaks; throws std::invalid_argument where the text is not base64.
std::string base64_decode(std::string_view text);
std::vector<std::string> lines_of(std::string_view text);
/// Every occurrence replaced.
std::string replaced(std::string text, std::string_view from, std::string_view to);
/// The whole file; "" where there is none.
std::string read_file(const std::filesystem::path& file);
/// Makes the directories above it as well.
void write_file(const std::filesystem::path& file, std::string_view content);

/// A new directory under the system's temporary one, removed with everything in it at the end; what a killed run left is
/// removed by the next one.
class TemporaryDirectory {
public:
  explicit TemporaryDirectory(std::string_view name);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

} // namespace gitsync::test
