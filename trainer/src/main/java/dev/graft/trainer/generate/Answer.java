package dev.graft.trainer.generate;

/**
 * How one of many texts goes on.
 *
 * @param index of the prompt among those that were given, from 0
 * @param text without special tokens
 * @param ids the new tokens, without the end token
 * @param promptTokens tokens read
 * @param end why it ended
 * @param seconds from the moment its prompt was begun to be read until it ended
 */
@SuppressWarnings("ArrayRecordComponent") // handed over, never changed, never compared
public record Answer(
    int index, String text, int[] ids, int promptTokens, TextGeneration.End end, double seconds) {}
