internal import VisionLanguage

/// Groups, or responses of one group, that are worked on at once.
struct MicroBatch {
  var groups: [TrainingGroup]
  /// Of these groups.
  var known: KnownLogProbabilities
}

/// What bounds a micro-batch.
struct MicroBatchLimits {
  var groups: Int
  /// Tokens as they are worked on: prompts and responses with their padding. Nil: any number.
  var tokens: Int?

  /// Cuts groups into micro-batches, in order: as many of them together as fit. A group that does not fit alone is parted by
  /// responses, short ones first, and its prompt is read again for each part; a response that does not fit alone is a part by
  /// itself. What goes together depends on lengths alone.
  ///
  /// - Parameter known: of these groups.
  func cut(_ groups: [TrainingGroup], known: KnownLogProbabilities) -> [MicroBatch] {
    var cut: [MicroBatch] = []
    var start = 0
    while start < groups.count {
      var end = start + 1
      while end < groups.count, end - start < self.groups, fits(groups[start...end]) { end += 1 }
      if fits(groups[start..<end]) {
        cut.append(MicroBatch(groups: Array(groups[start..<end]), known: known[start..<end]))
      } else {
        cut += parted(groups[start], known[start..<end])
      }
      start = end
    }
    return cut
  }

  private func parted(_ group: TrainingGroup, _ known: KnownLogProbabilities) -> [MicroBatch] {
    let order = group.responses.indices.sorted {
      (group.responses[$0].tokens.count, $0) < (group.responses[$1].tokens.count, $1)
    }
    func part(_ places: ArraySlice<Int>) -> TrainingGroup {
      TrainingGroup(prompt: group.prompt, responses: places.map { group.responses[$0] })
    }
    var parts: [MicroBatch] = []
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, fits([part(order[start...end])]) { end += 1 }
      let places = order[start..<end]
      func chosen(_ values: [[[Float]]]?) -> [[[Float]]]? {
        values.map { $0.map { responses in places.compactMap { responses.indices.contains($0) ? responses[$0] : nil } } }
      }
      parts.append(
        MicroBatch(
          groups: [part(places)],
          known: KnownLogProbabilities(reference: chosen(known.reference), proximal: chosen(known.proximal))))
      start = end
    }
    return parts
  }

  private func fits(_ groups: ArraySlice<TrainingGroup>) -> Bool {
    guard let tokens else { return true }
    return TrainingBatch.workedOn(groups) <= tokens
  }
}

extension TrainingBatch {
  /// Tokens of a batch of these groups, padding included.
  static func workedOn(_ groups: ArraySlice<TrainingGroup>) -> Int {
    let prompts = groups.reduce(0) { max($0, $1.prompt.tokens.count) } * groups.count
    let sorted = groups.map { $0.responses.map(\.tokens.count).sorted() }
    let longest = (0..<(sorted.first?.count ?? 0)).map { place in
      sorted.reduce(0) { max($0, $1.indices.contains(place) ? $1[place] : 0) }
    }
    return lengthParts(longest, rows: groups.count).reduce(prompts) { sum, places in
      sum + groups.count * places.count * (longest[places].last ?? 0)
    }
  }
}
