package dev.graft.trainer.kernels;

/** A part of the contract. */
interface Contract {

  TwinKernels twins();
}
