#include "support/signing.h"

#include "support/process.h"
#include "support/text.h"

namespace gitsync::test {

Signing::Signing(std::filesystem::path directory, const GitRepo& repo) : directory_(std::move(directory)), repo_(repo) {}

std::string Signing::make_ssh(const std::string& name) {
  must({.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", directory_ / name}});
  return name + "@example.com " + read_file(directory_ / (name + ".pub"));
}

std::string Signing::make_openpgp(const std::string& name) {
  const auto home = directory_ / "gpg";
  std::filesystem::create_directories(home);
  std::filesystem::permissions(home, std::filesystem::perms::owner_all);
  write_file(gpg(),
             "#!/bin/sh\nexec gpg --homedir '" + home.string() + "' --batch --pinentry-mode loopback --passphrase '' \"$@\"\n");
  std::filesystem::permissions(gpg(), std::filesystem::perms::owner_all);
  must({.argv = {gpg(), "--quiet", "--quick-gen-key", name + " <" + name + "@example.com>", "ed25519", "sign", "never"}});
  return must({.argv = {gpg(), "--armor", "--export", name + "@example.com"}});
}

std::string Signing::fingerprint(const std::string& name) const {
  const auto line = must({.argv = {"ssh-keygen", "-lf", directory_ / (name + ".pub")}});
  const auto from = line.find("SHA256:");
  return line.substr(from, line.find(' ', from) - from);
}

std::string Signing::openpgp_fingerprint(const std::string& name) const {
  for (const auto& line : lines_of(must({.argv = {gpg(), "--with-colons", "--list-keys", name + "@example.com"}})))
    if (line.starts_with("fpr:")) return line.substr(12, line.find(':', 12) - 12);
  return {};
}

std::vector<std::string> Signing::ssh(const std::string& name) const {
  return {"-c", "gpg.format=ssh", "-c", "user.signingKey=" + (directory_ / name).string()};
}

std::string Signing::push(std::vector<std::string> how, const std::string& message) const {
  repo_.git({"add", "--all"});
  how.insert(how.end(), {"commit", "--quiet", "--allow-empty", "-S", "-m", message});
  repo_.git(how);
  repo_.git({"push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"});
  return repo_.git({"rev-parse", "HEAD"});
}

std::string Signing::commit(const std::string& name, const std::string& message) const { return push(ssh(name), message); }

std::string Signing::commit_openpgp(const std::string& name, const std::string& message) const {
  return push({"-c", "gpg.program=" + gpg().string(), "-c", "user.signingKey=" + name + "@example.com"}, message);
}

void Signing::tag(const std::string& name, const std::string& tag) const {
  auto how = ssh(name);
  how.insert(how.end(), {"tag", "-s", "-f", "-m", "release", tag});
  repo_.git(how);
  repo_.git({"push", "--quiet", "--force", "origin", "refs/tags/" + tag});
}

} // namespace gitsync::test
