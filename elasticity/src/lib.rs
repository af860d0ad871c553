//! Queueing simulator, elasticity metrics and peer policies to judge autoscaling by.
