import GyreCore

/// Who is taken on, and how many long tasks (async bodies and graph runs) have not ended.
typealias Intake = DrainGate
