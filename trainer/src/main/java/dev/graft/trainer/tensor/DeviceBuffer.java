package dev.graft.trainer.tensor;

/**
 * A run of elements that belongs to a device. Only the kernels that made a buffer know what is
 * inside; everybody else passes it along.
 */
public interface DeviceBuffer {}
