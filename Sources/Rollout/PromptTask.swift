package import DurableFiles

/// What a worker and a scorer need to know of one prompt. It travels with the lease and again with the group, so that
/// neither of them holds a data set, and a scorer that is started again has lost nothing.
package struct PromptTask: Sendable, Hashable {
  /// The text of the user's turn; the policy sees this, `system` and the images, and nothing else of the task.
  package var problem: String
  package var system: String?
  /// Whole PNG or JPEG files.
  package var images: [[UInt8]]
  /// For the outcome rule.
  package var problemType: String
  /// For the outcome rule.
  package var solution: String

  package init(problem: String, system: String?, images: [[UInt8]], problemType: String, solution: String) {
    self.problem = problem
    self.system = system
    self.images = images
    self.problemType = problemType
    self.solution = solution
  }

  /// Bytes of all texts and images.
  package var byteCount: Int {
    let texts = problem.utf8.count + (system?.utf8.count ?? 0) + problemType.utf8.count + solution.utf8.count
    return images.reduce(texts) { $0 + $1.count }
  }

  /// The learner compares this with the task it issued: a group that was scored against another solution is refused.
  package var digest: SHA256Digest {
    var hasher = SHA256Hasher()
    for text in [problem, system ?? "\0", problemType, solution] {
      hasher.update("\(text.utf8.count):")
      hasher.update(text)
    }
    for image in images {
      hasher.update("\(image.count):")
      image.withUnsafeBytes { hasher.update($0) }
    }
    return hasher.finish()
  }
}
