internal import HTTPProtocol
internal import NIOCore
internal import NIOHTTP1
internal import Wire

// What becomes a WebSocket: the engine reads its frames, from the bodies that both sides' octets now are.
extension HTTPConversation {
    /// Both sides have agreed.
    func turn(_ context: ChannelHandlerContext) {
        guard let link, let exchange, isHeld(exchange, context) else { return breakOff() }
        link.turn()
        guard !isStream else { return }
        do {
            try context.pipeline.syncOperations.takeOctets(
                from: HTTPRequestDecoder.self,
                as: OctetParts<HTTPRequestHead>(),
                before: self
            )
        } catch {
            breakOff()
        }
    }

    /// Whether its opening is allowed still: it is not decided again, so a change of policy must find it.
    private func isHeld(_ exchange: Exchange, _ context: ChannelHandlerContext) -> Bool {
        let resident = authoriser.resident
        if isStream {
            let cutoff = ResetSwitch()
            guard (try? context.pipeline.syncOperations.addHandler(cutoff, position: .first)) != nil else {
                return false
            }
            resident.arrived(context.channel, cutoff: cutoff, authoriser)
        }
        return resident.holds(exchange.request, on: context.channel, isApproved: exchange.isApproved)
    }
}
