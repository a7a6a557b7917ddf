// People who sign commits, with keys that are made for one test: SSH keys by ssh-keygen, an OpenPGP key by gpg.
#pragma once
#include "support/git_repo.h"

#include <filesystem>
#include <string>
#include <vector>

namespace gitsync::test {

/// Main thread only.
class Signing {
public:
  /// `directory` has to exist; keys lie in it. `repo` is what is signed.
  Signing(std::filesystem::path directory, const GitRepo& repo);

  /// Makes an SSH key; the line of allowed_signers for it.
  std::string make_ssh(const std::string& name);
  /// Makes an OpenPGP key; its public half, armored. There can be one.
  std::string make_openpgp(const std::string& name);
  /// "SHA256:…" of an SSH key.
  std::string fingerprint(const std::string& name) const;
  /// Of an OpenPGP key.
  std::string openpgp_fingerprint(const std::string& name) const;

  /// Commits all, signed by that key, and pushes by force; returns the commit.
  std::string commit(const std::string& name, const std::string& message = "a change") const;
  std::string commit_openpgp(const std::string& name, const std::string& message = "a change") const;
  /// An annotated tag of HEAD, signed and pushed by force.
  void tag(const std::string& name, const std::string& tag) const;

private:
  std::vector<std::string> ssh(const std::string& name) const;
  std::string push(std::vector<std::string> how, const std::string& message) const;
  std::filesystem::path gpg() const { return directory_ / "gpg.sh"; }

  std::filesystem::path directory_;
  const GitRepo& repo_;
};

} // namespace gitsync::test
