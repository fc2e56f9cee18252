package dev.graft.trainer.config;

/**
 * The part of a configuration that says what computes: all that is of use where nothing is trained.
 * {@link ConfigReader#hardware} makes it, from the keys of {@link RunConfig}.
 */
public record HardwareConfig(Precision precision, DeviceChoice device, KernelsChoice kernels) {}
