internal import ActionableErrors

/// A group or a setting that the arithmetic is not defined for.
package enum TrustGRPOError: ActionableError, Equatable {
  case emptyGroup
  case countMismatch(what: String, expected: Int, found: Int)
  case notFinite(what: String, index: Int)
  case settingOutOfRange(name: String, value: String, accepted: String)

  package var code: String {
    switch self {
    case .emptyGroup: "trust-grpo.empty-group"
    case .countMismatch: "trust-grpo.count-mismatch"
    case .notFinite: "trust-grpo.not-finite"
    case .settingOutOfRange: "trust-grpo.setting-out-of-range"
    }
  }

  package var message: String {
    switch self {
    case .emptyGroup: "a group has no responses"
    case .countMismatch(let what, let expected, let found): "\(found) \(what) where there are \(expected) of its counterpart"
    case .notFinite(let what, let index): "\(what) \(index) is not a finite number"
    case .settingOutOfRange(let name, let value, let accepted): "\(name) is \(value), and must be \(accepted)"
    }
  }

  package var advice: String {
    switch self {
    case .emptyGroup: "give at least one response per group"
    case .countMismatch: "give one value for each response, and null for a missing thinking score"
    case .notFinite: "leave the group out, and look at what computed it"
    case .settingOutOfRange: "correct the setting"
    }
  }
}
