internal import Dashboard

/// `chaos.html`: the verdict on one page that needs nothing else.
struct VerdictPage {
  let html: String

  init(_ verdict: Verdict) {
    html = "\(verdict.outcome)"
  }
}
