/// The known key that was probably meant by one that is not known.
///
/// Compares whole paths, and last parts alone so that a key in the wrong section is found.
/// - Returns: the nearest by edit distance; `nil` only if there are no candidates.
package func nearestKey(to path: String, among candidates: [String]) -> String? {
  let wanted = bytes(of: String(path.prefix(200)))
  return candidates.map { (key: $0, cost: cost(of: bytes(of: $0), for: wanted)) }.min { $0.cost < $1.cost }?.key
}

private func bytes(of path: String) -> [UInt8] { Array(ConfigurationEntry.normalize(path).utf8) }

private func cost(of known: [UInt8], for wanted: [UInt8]) -> Int {
  let moved = 1 + editDistance(lastPart(wanted), lastPart(known))
  return min(editDistance(wanted[...], known[...]), moved)
}

private func lastPart(_ path: [UInt8]) -> ArraySlice<UInt8> {
  path.lastIndex(of: UInt8(ascii: ".")).map { path[($0 + 1)...] } ?? path[...]
}

private func editDistance(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Int {
  var row = Array(0...b.count)
  for (index, byte) in a.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for (column, other) in b.enumerated() {
      let substituted = diagonal + (byte == other ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
    }
  }
  return row[b.count]
}
