// libcurl sets and reads options by functions of variable arguments, which Swift cannot call: one of each kind of argument.
#pragma once
#include <curl/curl.h>

typedef size_t (*curl_bytes_callback)(char *bytes, size_t one, size_t count, void *context);

static inline CURLcode curl_set_number(CURL *easy, CURLoption option, long value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode curl_set_text(CURL *easy, CURLoption option, const char *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode curl_set_pointer(CURL *easy, CURLoption option, const void *value) { return curl_easy_setopt(easy, option, value); }
static inline CURLcode curl_set_callback(CURL *easy, CURLoption option, curl_bytes_callback value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode curl_read_number(CURL *easy, CURLINFO info, long *value) { return curl_easy_getinfo(easy, info, value); }
static inline CURLMcode curl_set_multi_number(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
/// The transfer that a message of `curl_multi_info_read` is about, and how it ended.
static inline CURLcode curl_message_result(const CURLMsg *message) { return message->data.result; }
