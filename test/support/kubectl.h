// kubectl, the real one, as the user who changes things behind the operator's back.
#pragma once
#include "support/process.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gitsync::test {

class Kubectl {
public:
  Kubectl(std::string program, std::filesystem::path kubeconfig)
      : program_(std::move(program)), kubeconfig_(std::move(kubeconfig)) {}

  Output run(const std::vector<std::string>& arguments, const std::string& input = {}) const {
    return test::run(command(arguments, input));
  }
  /// Throws with all that it said where it fails; returns standard output.
  std::string must(const std::vector<std::string>& arguments, const std::string& input = {}) const {
    return test::must(command(arguments, input));
  }

private:
  Command command(const std::vector<std::string>& arguments, const std::string& input) const {
    Command command{.argv = {program_, "--kubeconfig", kubeconfig_}, .input = input};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return command;
  }

  std::string program_;
  std::filesystem::path kubeconfig_;
};

} // namespace gitsync::test
