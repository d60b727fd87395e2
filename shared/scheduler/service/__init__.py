"""The Scheduler service: the two APIs of the retired one over one store.

A request goes down this list, and every change up it again as an answer:

* `app` is the ASGI app; `asgi` the form of ASGI, `exchange` that of a request and its answer in here.
* `admission` lets it in: `credentials`, `authentication` by `certificates` or bearer tokens.
* `answering` says how it comes to its answer; `endpoints` which part does that, for each row of the catalogue.
* The parts: `containers`, `collection_states`, `jobs`, `certificate_endpoints`, `providers`, `operation_status`. What
  both surfaces do alike is done here once; `arm/` holds what is ARM's alone. `job_form` is how a surface reads and
  shows jobs, `classic_job_form` how the classic one does.
* A change (`changes`, of jobs `job_changes`) and what tells a request sent again (`repeatability`) are one transaction;
  what it may not do is said by `names`, `plans`, `paging`, `required`. What goes on after its answer is `operations`,
  step by step in `operation_steps`; `follow_up` wakes the engine.
"""
