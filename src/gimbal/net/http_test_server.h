// A server for tests on the loopback interface: a handler answers with the raw bytes that go back, so it can break any rule.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "gimbal/base/check.h"
#include "gimbal/base/text.h"

namespace gimbal::net {

struct TestHttpRequest {
  std::string method, path, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

// One request a connection, each on a thread of its own.
class TestHttpServer {
 public:
  // What goes back; the connection is closed behind it. Empty: closed without an answer.
  using Handler = std::function<std::string(const TestHttpRequest&)>;

  explicit TestHttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    GIMBAL_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    GIMBAL_CHECK(listen(listener_, 64) == 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
  }
  ~TestHttpServer() {
    acceptor_.request_stop();
    acceptor_.join();
    connections_.clear();
    close(listener_);
  }

  int port() const { return port_; }
  std::string url(const std::string& path = "") const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }
  int requests() const { return requests_; }

  // "HTTP/1.1 200 OK" with a length and these extra header lines (each ending in \r\n).
  static std::string respond(int status, const std::string& body, const std::string& header_lines = "") {
    return fmt::format("HTTP/1.1 {} Status\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{}", status, header_lines,
                       body.size(), body);
  }

 private:
  void accept_all(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0) connections_.emplace_back([this, connection] { serve(connection); });
    }
  }

  void serve(int connection) {
    std::string bytes;
    char buffer[4096];
    std::size_t head = std::string::npos, length = 0;
    TestHttpRequest request;
    while (true) {
      if (head == std::string::npos && (head = bytes.find("\r\n\r\n")) != std::string::npos) {
        const std::vector<std::string_view> lines = split(std::string_view(bytes).substr(0, head), '\n');
        const std::vector<std::string_view> words = split(trim(lines.front()), ' ');
        request.method = words[0];
        request.path = words.size() > 1 ? words[1] : "";
        for (std::size_t i = 1; i < lines.size(); ++i) {
          const std::size_t colon = lines[i].find(':');
          if (colon == std::string_view::npos) continue;
          request.headers[ascii_lower(trim(lines[i].substr(0, colon)))] = trim(lines[i].substr(colon + 1));
        }
        if (const auto at = request.headers.find("content-length"); at != request.headers.end())
          length = static_cast<std::size_t>(std::stoul(at->second));
      }
      if (head != std::string::npos && bytes.size() >= head + 4 + length) break;
      const ssize_t n = recv(connection, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      bytes.append(buffer, static_cast<std::size_t>(n));
    }
    if (head != std::string::npos) {
      request.body = bytes.substr(head + 4);
      ++requests_;
      const std::string answer = handler_(request);
      std::size_t sent = 0;
      while (sent < answer.size()) {
        const ssize_t n = send(connection, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<std::size_t>(n);
      }
    }
    close(connection);
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> requests_ = 0;
  std::vector<std::jthread> connections_;  // touched by the accepting thread until it has ended
  std::jthread acceptor_;
};

}  // namespace gimbal::net
