/// What an HTTP status other than success says about going on.
enum ServiceRefusal: Sendable, Hashable {
  /// Too many requests; the service itself is well.
  case rateLimited
  /// The service is in trouble; the same request may succeed later.
  case troubled
  /// The service does not take this request, and would not take it again.
  case rejected
  /// Every request would be refused in the same way until somebody changes a setting.
  case misconfigured(advice: String)

  init(status: Int) {
    self =
      switch status {
      case 429: .rateLimited
      case 401, 403, 407: .misconfigured(advice: "check its key")
      case 402: .misconfigured(advice: "check its account")
      case 404, 405, 410: .misconfigured(advice: "check its address and the name of the model")
      case 300..<400: .misconfigured(advice: "it redirects; set the address that it redirects to")
      case 408, 425: .troubled
      case 400..<500: .rejected
      // 5xx, and whatever is no status at all: a proxy that has lost the service behind it says odd things.
      default: .troubled
      }
  }
}
