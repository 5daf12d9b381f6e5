// An HTTP client on libcurl: many requests at a time on one connection pool, HTTP/2 and compression where the server has them.
//
// One thread drives all transfers; callers wait for theirs. Redirects are not followed, since a key would travel with them; no
// proxy is used for this machine itself. A response of any status is a response: an error means that none came.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"

namespace gimbal::net {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};  // sent with POST and PUT
  double timeout_s = 60;  // of the whole exchange
  double connect_s = 10;  // until the connection stands
  std::size_t max_body_bytes = std::size_t{64} << 20;
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers = {};  // names in lower case
  std::string body = {};
  std::optional<std::string_view> header(std::string_view lower_case_name) const;  // the last of that name
};

// Thread-safe.
class HttpClient {
 public:
  // Errors: unavailable when libcurl cannot be loaded.
  static Result<HttpClient> create();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();  // ends what is under way

  // Blocks until the response is there. Errors: invalid_argument (no http or https URL); unavailable (no connection, name or
  // certificate, or it broke); time_limit; limit (a larger body); interrupted.
  Result<HttpResponse> send(const HttpRequest& request, const StopToken& stop = {});

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gimbal::net
