internal import Glibc
internal import Linux

/// The service manager that started this process, if one did (sd_notify(3)).
enum ServiceManager {
    /// Tells it the state of the service; without one, or when it does not listen, nothing happens.
    static func notify(_ state: String) {
        guard let path = unsafe getenv("NOTIFY_SOCKET").flatMap({ unsafe String(validatingCString: $0) })
        else {
            return
        }
        PacketSocket.tell(state, at: path)
    }
}
