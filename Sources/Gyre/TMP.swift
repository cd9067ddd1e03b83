import GyreCore
final class RunnerSet: Sendable { init(pool: WorkerPool) {} }
final class AsyncRunner {}
