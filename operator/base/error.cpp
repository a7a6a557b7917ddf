#include "base/error.h"

#include "base/text.h"

namespace gitsync {

std::string_view code_text(Code code) {
  switch (code) {
  case Code::Internal: return "GS001";
  case Code::Cancelled: return "GS002";
  case Code::Timeout: return "GS003";
  case Code::InvalidArgument: return "GS004";
  case Code::InvalidSpec: return "GS101";
  case Code::SourceNotFound: return "GS102";
  case Code::SourceNotReady: return "GS103";
  case Code::YamlSyntax: return "GS201";
  case Code::YamlDuplicateKey: return "GS202";
  case Code::YamlBudget: return "GS203";
  case Code::YamlType: return "GS204";
  case Code::InvalidManifest: return "GS211";
  case Code::DuplicateObject: return "GS212";
  case Code::UnknownKind: return "GS213";
  case Code::InvalidScope: return "GS214";
  case Code::OwnedByOther: return "GS215";
  case Code::EmptyRevision: return "GS216";
  case Code::PruneBlocked: return "GS219";
  case Code::AdoptionRefused: return "GS220";
  case Code::UnsafePath: return "GS217";
  case Code::PathNotFound: return "GS218";
  case Code::GitFetch: return "GS301";
  case Code::GitRefNotFound: return "GS302";
  case Code::GitAuth: return "GS303";
  case Code::GitLimit: return "GS304";
  case Code::WorkerDied: return "GS305";
  case Code::NotVerified: return "GS306";
  case Code::HistoryRewound: return "GS307";
  case Code::ApiUnreachable: return "GS401";
  case Code::ApiUnauthorized: return "GS402";
  case Code::ApiForbidden: return "GS403";
  case Code::ApiNotFound: return "GS404";
  case Code::ApiConflict: return "GS409";
  case Code::ApiExpired: return "GS410";
  case Code::ApiInvalid: return "GS422";
  case Code::ApiThrottled: return "GS429";
  case Code::ApiServerError: return "GS500";
  case Code::RegistryDown: return "GS701";
  case Code::RegistryAuth: return "GS702";
  case Code::ImageNotFound: return "GS703";
  case Code::RegistryError: return "GS704";
  case Code::InventoryCorrupt: return "GS601";
  }
  return "GS001";
}

std::string Error::text() const { return cat(code_text(code), " ", message); }

Retry default_retry(Code code) {
  switch (code) {
  case Code::Timeout:
  case Code::SourceNotReady:
  case Code::GitFetch:
  case Code::GitRefNotFound:
  case Code::GitAuth:
  case Code::WorkerDied:
  case Code::NotVerified: // the keys may be renewed, a signed commit may follow
  case Code::ApiUnreachable:
  case Code::ApiUnauthorized:
  case Code::ApiForbidden: // RBAC may be granted at any time, and nothing tells us
  case Code::ApiConflict:
  case Code::ApiExpired:
  case Code::ApiThrottled:
  case Code::ApiServerError:
  case Code::RegistryDown:
  case Code::RegistryAuth: // the Secret may be renewed, the repository be made
  case Code::ImageNotFound:
  case Code::RegistryError: return Retry::Backoff;
  default: return Retry::Never;
  }
}

std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected(Error{code, std::move(message), default_retry(code), {}});
}

std::unexpected<Error> fail(Code code, std::string message, Retry retry, std::chrono::milliseconds after) {
  return std::unexpected(Error{code, std::move(message), retry, after});
}

std::unexpected<Error> wrap(Error error, std::string_view prefix) {
  error.message = cat(prefix, ": ", error.message);
  return std::unexpected(std::move(error));
}

} // namespace gitsync
