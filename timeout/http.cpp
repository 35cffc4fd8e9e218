// A metadata service is asked as its cloud documents, and nobody else: no proxy, which the environment may name, and no
// redirection, which could lead elsewhere.
#include "timeout/http.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <new>

#include <lastgood/error.h>

namespace lastgood::timeout {
namespace {

// Metadata services answer on the machine itself, in milliseconds; where there is none, packets vanish.
constexpr long kConnectMs = 1000, kTotalMs = 2000;

struct Body {
  std::string text;
  std::size_t most_bytes;
};

std::size_t append(char* data, std::size_t, std::size_t size, void* to) noexcept {
  Body& body = *static_cast<Body*>(to);
  if (size > body.most_bytes - body.text.size()) return 0;  // libcurl then fails the request
  try {
    body.text.append(data, size);
  } catch (const std::bad_alloc&) {
    return 0;
  }
  return size;
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

List list_of(const std::vector<std::string>& lines) {
  List list;
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

struct Free {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

}  // namespace

HttpReply fetch(const HttpRequest& request, std::size_t most_bytes) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, Free> handle(curl_easy_init());
  if (!handle) throw Error(ErrorCode::io, request.url, "libcurl could not be started");
  const List headers = list_of(request.headers);
  Body body{{}, most_bytes};
  char why[CURL_ERROR_SIZE] = {};
  CURL* const curl = handle.get();
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  if (request.put) curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kTotalMs);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // no alarm(): there are other threads
  curl_easy_setopt(curl, CURLOPT_PROXY, "");     // what the machine says of itself must come from nobody else
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    throw Error(ErrorCode::io, request.url,
                "no answer from " + request.url + ": " + (why[0] != '\0' ? why : curl_easy_strerror(code)));
  }
  HttpReply reply;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  reply.body = std::move(body.text);
  return reply;
}

}  // namespace lastgood::timeout
