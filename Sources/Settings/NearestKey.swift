/// The known key that was probably meant by one that is not known.
///
/// Compares whole paths, and last parts alone so that a key in the wrong section is found.
/// - Returns: the nearest by edit distance; `nil` only if there are no candidates.
package func nearestKey(to path: String, among candidates: [String]) -> String? {
  let wanted = ConfigurationEntry.normalize(String(path.prefix(200)))
  return candidates.map { (key: $0, cost: cost(of: $0, for: wanted)) }.min { $0.cost < $1.cost }?.key
}

private func cost(of candidate: String, for wanted: String) -> Int {
  let known = ConfigurationEntry.normalize(candidate)
  let moved = 1 + editDistance(lastPart(wanted), lastPart(known))
  return min(editDistance(wanted, known), moved)
}

private func lastPart(_ path: String) -> String {
  path.lastIndex(of: ".").map { String(path[path.index(after: $0)...]) } ?? path
}

private func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b.utf8)
  var row = Array(0...b.count)
  for (index, byte) in a.utf8.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for column in b.indices {
      let substituted = diagonal + (byte == b[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
    }
  }
  return row[b.count]
}
