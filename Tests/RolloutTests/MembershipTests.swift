import Testing

@testable import Rollout

/// The members as a list that is searched from end to end.
private struct ListedMembers {
  struct Member {
    let peer: PeerID
    var role: Role
    var endpoint: String
    var heard: Instant
    var credit = 0
    var lent = 0
    var version: UInt64?
    var isDoubted = false
  }

  var all: [Member] = []

  func index(_ peer: PeerID) -> Int? { all.firstIndex { $0.peer == peer } }

  func hungriest(besides other: PeerID?) -> PeerID? {
    let areAllDoubted = all.allSatisfy { $0.isDoubted || $0.credit == 0 }
    return all.filter { $0.isDoubted == areAllDoubted && $0.credit > $0.lent && $0.peer.name != other?.name }
      .min { ($1.credit - $1.lent, $0.peer) < ($0.credit - $0.lent, $1.peer) }?.peer
  }

  func silent(at now: Instant, after timeout: Duration) -> [PeerID] {
    all.filter { now - $0.heard > timeout }.map(\.peer).sorted()
  }

  var scorers: [String] {
    let scorers = all.filter { $0.role == .scorer }.sorted { $0.peer < $1.peer }
    let present = scorers.filter { scorer in
      let rivals = scorers.filter { $0.endpoint == scorer.endpoint }
      let newest = rivals.map(\.heard).max()
      return rivals.first { $0.heard == newest }?.peer == scorer.peer
    }
    let areAllDoubted = present.allSatisfy(\.isDoubted)
    return present.filter { areAllDoubted || !$0.isDoubted }.map(\.peer.name)
  }
}

@Suite("Who has joined")
struct MembershipTests {
  @Test("hungriest, silent and scorers are those that a search of all members finds", arguments: 0..<4 as Range<UInt64>)
  func random(seed: UInt64) {
    var draws = Draws(seed: seed)
    let timeout = Duration.seconds(5)
    var membership = Membership(timeout: timeout)
    var list = ListedMembers()
    var now = Instant(nanoseconds: 0)
    // Up to three connections by one name.
    let peers = (0..<200).map { PeerID(name: "p\($0 / 3 * 7 % 67)", connection: "\($0)") }
    for _ in 0..<5000 {
      now = now + .milliseconds(draws.below(40))
      let peer = peers[draws.below(peers.count)]
      let index = list.index(peer)
      switch draws.below(12) {
      case 0..<3:
        let role: Role = draws.chance(0.1) ? .scorer : .worker
        let endpoint = role == .scorer ? "tcp://\(draws.below(4))" : ""
        #expect(membership.join(peer, .sample(role, endpoint: endpoint), at: now) == (index == nil))
        if let index {
          (list.all[index].role, list.all[index].endpoint, list.all[index].heard) = (role, endpoint, now)
        } else {
          list.all.append(.init(peer: peer, role: role, endpoint: endpoint, heard: now))
        }
      case 3:
        #expect(membership.leave(peer) == index.map { list.all[$0].role })
        if let index { list.all.remove(at: index) }
      case 4..<7:
        let (credit, version) = (draws.below(4), UInt64(draws.below(2)))
        let isScorer = index.map { list.all[$0].role == .scorer } ?? false
        let wasDoubted = index.map { list.all[$0].isDoubted } ?? false
        let isNews = membership.update(
          peer, Heartbeat(incarnation: 1, version: version, credit: credit, held: []), credit: credit, at: now)
        #expect(isNews == (isScorer && wasDoubted != (credit == 0)))
        if isScorer, let index {
          list.all[index].isDoubted = credit == 0
        } else if let index {
          list.all[index].credit = credit
          if list.all[index].version != version { list.all[index].isDoubted = false }
          list.all[index].version = version
        }
      case 7:
        membership.doubt(peer)
        if let index {
          list.all[index].credit = 0
          list.all[index].isDoubted = true
        }
      case 8:
        membership.noteGenerated(by: peer)
        if let index {
          list.all[index].lent = max(list.all[index].lent - 1, 0)
          list.all[index].isDoubted = false
        }
      case 9:
        if let worker = membership.hungriestWorker(), let hungry = list.index(worker) {
          membership.lend(to: worker)
          list.all[hungry].lent += 1
        }
      default:
        #expect(membership.heard(from: peer, at: now) == (index != nil))
        if let index { list.all[index].heard = now }
      }
      #expect(membership.hungriestWorker() == list.hungriest(besides: nil))
      #expect(membership.hungriestWorker(besides: peer) == list.hungriest(besides: peer))
      #expect(membership.lent(to: peer) == list.index(peer).map { list.all[$0].lent } ?? 0)
      #expect(membership.scorers.map(\.name) == list.scorers)
      #expect(membership.count == list.all.count && membership.isMember(peer) == (list.index(peer) != nil))
      let silent = membership.silent(at: now)
      #expect(silent == list.silent(at: now, after: timeout))
      if draws.chance(0.5) {
        for peer in silent {
          _ = membership.leave(peer)
          list.all.removeAll { $0.peer == peer }
        }
      }
    }
    #expect(membership.peers == list.all.map(\.peer).sorted())
    #expect(membership.workers == list.all.filter { $0.role == .worker }.map(\.peer).sorted())
  }
}
