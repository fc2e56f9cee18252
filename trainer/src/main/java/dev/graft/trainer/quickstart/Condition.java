package dev.graft.trainer.quickstart;

import java.util.List;

/**
 * Something a patient may come with.
 *
 * @param code ICD-10-CM
 * @param names how a physician may write it
 * @param symptoms at least three
 * @param medications name, dose and schedule
 * @param followUpDays when to see the patient again
 */
record Condition(
    String code,
    List<String> names,
    List<String> symptoms,
    List<String> medications,
    List<Integer> followUpDays) {

  /** All of them; codes as in the 2021 release. */
  static final List<Condition> ALL =
      List.of(
          new Condition(
              "J02.0",
              List.of("streptococcal pharyngitis", "strep throat"),
              List.of("sore throat", "fever", "swollen neck glands", "pain on swallowing"),
              List.of("amoxicillin 500 mg twice daily", "penicillin V 500 mg three times daily"),
              List.of(7, 10)),
          new Condition(
              "J20.9",
              List.of("acute bronchitis"),
              List.of("cough", "chest tightness", "fatigue", "wheezing"),
              List.of("albuterol inhaler as needed", "dextromethorphan 20 mg every 6 hours"),
              List.of(7, 14)),
          new Condition(
              "J01.90",
              List.of("acute sinusitis"),
              List.of("facial pain", "nasal congestion", "headache", "postnasal drip"),
              List.of("fluticasone nasal spray daily", "amoxicillin 500 mg twice daily"),
              List.of(10, 14)),
          new Condition(
              "J45.901",
              List.of("asthma exacerbation", "acute exacerbation of asthma"),
              List.of("shortness of breath", "wheezing", "cough", "chest tightness"),
              List.of("prednisone 40 mg daily", "albuterol inhaler as needed"),
              List.of(3, 7)),
          new Condition(
              "N39.0",
              List.of("urinary tract infection", "UTI"),
              List.of("painful urination", "urinary frequency", "lower abdominal pain", "fever"),
              List.of("nitrofurantoin 100 mg twice daily", "trimethoprim 200 mg twice daily"),
              List.of(7, 10)),
          new Condition(
              "E11.9",
              List.of("type 2 diabetes mellitus", "type 2 diabetes"),
              List.of("increased thirst", "frequent urination", "fatigue", "blurred vision"),
              List.of("metformin 500 mg twice daily", "metformin 1000 mg twice daily"),
              List.of(30, 90)),
          new Condition(
              "I10",
              List.of("essential hypertension", "primary hypertension"),
              List.of("headache", "dizziness", "palpitations", "fatigue"),
              List.of("lisinopril 10 mg daily", "amlodipine 5 mg daily"),
              List.of(14, 30)),
          new Condition(
              "K21.9",
              List.of("gastroesophageal reflux disease", "GERD"),
              List.of("heartburn", "regurgitation", "chest discomfort", "chronic cough"),
              List.of("omeprazole 20 mg daily", "famotidine 20 mg twice daily"),
              List.of(28, 56)),
          new Condition(
              "M62.830",
              List.of("muscle spasm of the back", "back muscle spasm"),
              List.of("low back pain", "stiffness", "pain on bending", "muscle tightness"),
              List.of("ibuprofen 400 mg three times daily", "cyclobenzaprine 5 mg at night"),
              List.of(7, 14)),
          new Condition(
              "G43.909",
              List.of("migraine"),
              List.of("throbbing headache", "nausea", "light sensitivity", "visual aura"),
              List.of("sumatriptan 50 mg as needed", "propranolol 40 mg twice daily"),
              List.of(28, 42)),
          new Condition(
              "L20.9",
              List.of("atopic dermatitis", "eczema"),
              List.of("itching", "dry skin", "red patches", "poor sleep"),
              List.of("hydrocortisone 1% cream twice daily", "cetirizine 10 mg daily"),
              List.of(14, 28)),
          new Condition(
              "D50.9",
              List.of("iron deficiency anemia"),
              List.of("fatigue", "pallor", "shortness of breath", "dizziness"),
              List.of("ferrous sulfate 325 mg daily", "ferrous gluconate 300 mg twice daily"),
              List.of(30, 60)),
          new Condition(
              "E03.9",
              List.of("hypothyroidism"),
              List.of("weight gain", "cold intolerance", "fatigue", "dry skin"),
              List.of("levothyroxine 50 mcg daily", "levothyroxine 75 mcg daily"),
              List.of(42, 56)),
          new Condition(
              "B02.9",
              List.of("shingles", "herpes zoster"),
              List.of("burning pain", "blistering rash", "tingling", "fever"),
              List.of("valacyclovir 1 g three times daily", "gabapentin 300 mg at night"),
              List.of(7, 14)));
}
