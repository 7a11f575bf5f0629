/// How a role's process is, for those who watch over it from outside.
package struct RoleCondition: Sendable, Hashable, Codable {
  /// Whether it does what it is there for, or would if there were work.
  package var isReady: Bool
  /// Whether it has been welcomed by the learner that it speaks to. A learner has, once it speaks.
  package var isJoined: Bool
  /// In words.
  package var text: String

  package init(isReady: Bool, isJoined: Bool, text: String) {
    self.isReady = isReady
    self.isJoined = isJoined
    self.text = text
  }
}
