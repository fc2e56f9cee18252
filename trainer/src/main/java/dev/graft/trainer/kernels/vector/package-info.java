/**
 * Everything of the model that is not a matrix product, as loops on the Vector API: the only place
 * that imports {@code jdk.incubator.vector}. A loop takes a range of rows, computes in float32
 * whatever the tensors hold, and gives the same bits whichever thread runs it.
 *
 * <p>Sums over lanes are added up in a fixed order by {@code Lanes.sum}, never by {@code
 * reduceLanes}: the order of that one is not specified and differs between interpreted and compiled
 * code, so that two equal runs would end in different adapters.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.vector;
