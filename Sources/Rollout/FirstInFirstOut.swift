/// A queue: what was put in first comes out first.
struct FirstInFirstOut<Element: Sendable>: Sendable {
  private var elements: [Element?] = []
  /// Those before it have come out; their places go once they are the larger part.
  private var head = 0

  var first: Element? { head < elements.count ? elements[head] : nil }

  mutating func append(_ element: Element) {
    elements.append(element)
  }

  mutating func popFirst() -> Element? {
    guard let element = first else { return nil }
    elements[head] = nil
    head += 1
    if head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }
}
