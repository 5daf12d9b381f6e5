#include "gimbal/net/http_client.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "gimbal/base/check.h"
#include "gimbal/base/text.h"
#include "gimbal/net/curl_library.h"

namespace gimbal::net {
namespace {

struct Transfer {
  const HttpRequest* request = nullptr;
  HttpResponse response = {};
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  char problem[CURL_ERROR_SIZE] = {};
  bool too_large = false;
  bool cancelled = false;
  bool done = false;
  CURLcode code = CURLE_OK;
};

std::size_t take_body(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.response.body.size() + count > transfer.request->max_body_bytes) {
    transfer.too_large = true;
    return 0;
  }
  transfer.response.body.append(bytes, count);
  return count;
}

std::size_t take_header(char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line = trim(std::string_view(bytes, count));
  if (line.starts_with("HTTP/")) {  // of an interim response (100 Continue) before: only the last one counts
    transfer.response.headers.clear();
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    transfer.response.headers.emplace_back(ascii_lower(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1))));
  }
  return count;
}

}  // namespace

std::optional<std::string_view> HttpResponse::header(std::string_view lower_case_name) const {
  for (auto at = headers.rbegin(); at != headers.rend(); ++at) {
    if (at->first == lower_case_name) return at->second;
  }
  return std::nullopt;
}

struct HttpClient::State {
  CURLM* multi = nullptr;
  std::mutex mutex;
  std::condition_variable finished;
  std::deque<Transfer*> added, cancelled;
  bool ending = false;
  std::jthread worker;

  ~State() {
    if (worker.joinable()) {
      {
        const std::lock_guard lock(mutex);
        ending = true;
      }
      curl().multi_wakeup(multi);
      worker.join();
    }
    if (multi) curl().multi_cleanup(multi);
  }

  void complete(Transfer& transfer, CURLcode code) {
    curl().multi_remove_handle(multi, transfer.easy);
    const std::lock_guard lock(mutex);
    transfer.code = code;
    transfer.done = true;
    finished.notify_all();
  }

  void drive() {
    std::unordered_set<Transfer*> active;
    while (true) {
      std::deque<Transfer*> fresh, stopped;
      bool end = false;
      {
        const std::lock_guard lock(mutex);
        fresh.swap(added);
        stopped.swap(cancelled);
        end = ending;
      }
      for (Transfer* transfer : fresh) {
        active.insert(transfer);
        curl().multi_add_handle(multi, transfer->easy);
      }
      for (Transfer* transfer : stopped) {
        // A transfer that ended by itself meanwhile is no longer ours to touch.
        if (active.erase(transfer) > 0) complete(*transfer, CURLE_ABORTED_BY_CALLBACK);
      }
      if (end) {
        for (Transfer* transfer : active) complete(*transfer, CURLE_ABORTED_BY_CALLBACK);
        return;
      }
      int running = 0, left = 0;
      curl().multi_perform(multi, &running);
      while (CURLMsg* message = curl().multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        CURL* easy = message->easy_handle;
        for (Transfer* transfer : active) {
          if (transfer->easy != easy) continue;
          active.erase(transfer);
          complete(*transfer, code);
          break;
        }
      }
      curl().multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
  }
};

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::create() {
  GIMBAL_TRY(require_curl());
  auto state = std::make_unique<State>();
  state->multi = curl().multi_init();
  if (!state->multi) return fail(ErrorCode::kUnavailable, "libcurl could not be set up (out of memory)");
  state->worker = std::jthread([raw = state.get()] { raw->drive(); });
  return HttpClient(std::move(state));
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const StopToken& stop) {
  if (!request.url.starts_with("http://") && !request.url.starts_with("https://"))
    return fail(ErrorCode::kInvalidArgument, "expected a URL that begins with http:// or https://, found {}",
                quoted(request.url));
  const CurlLibrary& library = curl();
  Transfer transfer;
  transfer.request = &request;
  transfer.easy = library.easy_init();
  if (!transfer.easy) return fail(ErrorCode::kUnavailable, "libcurl could not be set up (out of memory)");
  const auto set = [&](CURLoption option, auto value) { library.easy_setopt(transfer.easy, option, value); };
  const auto release = [&] {
    library.slist_free_all(transfer.headers);
    library.easy_cleanup(transfer.easy);
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
  set(CURLOPT_USERAGENT, "gimbal/" GIMBAL_VERSION);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_s * 1000));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_s * 1000));
  set(CURLOPT_ERRORBUFFER, transfer.problem);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  if (request.method != "GET") {
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
    // Bodies are small: waiting for "100 Continue" costs a second with servers that do not know it.
    transfer.headers = library.slist_append(transfer.headers, "Expect:");
  }
  for (const auto& [name, value] : request.headers)
    transfer.headers = library.slist_append(transfer.headers, (name + ": " + value).c_str());
  if (transfer.headers) set(CURLOPT_HTTPHEADER, transfer.headers);

  {
    // Runs on the thread that asks for the stop: it only leaves a note for the driving thread.
    const std::stop_callback on_stop(stop, [&] {
      {
        const std::lock_guard lock(state_->mutex);
        transfer.cancelled = true;
        state_->cancelled.push_back(&transfer);
      }
      library.multi_wakeup(state_->multi);
    });
    std::unique_lock lock(state_->mutex);
    if (transfer.cancelled) {
      std::erase(state_->cancelled, &transfer);
      lock.unlock();
      release();
      return fail(ErrorCode::kInterrupted, "interrupted before the request to {} was sent", request.url);
    }
    state_->added.push_back(&transfer);
    lock.unlock();
    library.multi_wakeup(state_->multi);
    lock.lock();
    state_->finished.wait(lock, [&] { return transfer.done; });
  }
  // No note about this transfer may outlive it (one could have been left after its end).
  {
    const std::lock_guard lock(state_->mutex);
    std::erase(state_->cancelled, &transfer);
  }

  long status = 0;
  library.easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  const std::string why = transfer.problem[0] != 0 ? transfer.problem : library.easy_strerror(transfer.code);
  release();
  if (transfer.cancelled && transfer.code != CURLE_OK)
    return fail(ErrorCode::kInterrupted, "interrupted while {} was answering", request.url);
  if (transfer.too_large) return fail(ErrorCode::kLimit, "{} sent more than {} bytes", request.url, request.max_body_bytes);
  switch (transfer.code) {
    case CURLE_OK:
      return std::move(transfer.response);
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::kTimeLimit, "{} did not answer in time ({})", request.url, why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return fail(ErrorCode::kInvalidArgument, "{} is no URL of HTTP ({})", request.url, why);
    default:
      return fail(ErrorCode::kUnavailable, "{} could not be reached ({})", request.url, why);
  }
}

}  // namespace gimbal::net
