// Compiled at set-up by the Scala compiler that comes with Spark (see handover.py), against the Spark that is installed.
// It lives in Spark's package because the scheduler's table of tasks is shown to nobody else.
package org.apache.spark.scheduler.zoe

import java.nio.file.{Files, Path, StandardCopyOption}

import scala.util.control.NonFatal

import org.apache.spark.{MapOutputTrackerMaster, SparkContext, SparkEnv}
import org.apache.spark.api.plugin.{DriverPlugin, ExecutorPlugin, PluginContext, SparkPlugin}
import org.apache.spark.internal.Logging
import org.apache.spark.scheduler.{ShuffleMapStage, TaskSchedulerImpl, TaskSetManager}

/** Lets an executor that was asked to leave do so without a failed task.
  *
  * Spark copies the shuffle files of such an executor to the others, and the driver notes the new places. But
  * executors keep the places that they asked for once, and all tasks of a stage carry the age of the places that
  * were right when the stage began: they would look at the old place, fail with FetchFailed, and be repeated.
  *
  * So when everything is copied, the driver makes the places known to be new for all tasks that it has not
  * launched yet, also those of stages that run; and the executor goes on serving its files until the tasks that
  * had been launched before, and may read them, are over. That takes as long as one task, not as one stage.
  */
class Handover extends SparkPlugin {
  override def driverPlugin(): DriverPlugin = new HandoverDriver
  override def executorPlugin(): ExecutorPlugin = new HandoverExecutor
}

/** An executor has handed over all its files; they belong to these shuffles. Answered by Readers. */
private case class HandedOver(shuffles: Set[Int])

/** Tasks that may read at the old place. As a question: which of them still run? */
private case class Readers(tasks: Set[Long])

private class HandoverDriver extends DriverPlugin {
  private var context: SparkContext = _

  override def init(context: SparkContext, plugin: PluginContext): java.util.Map[String, String] = {
    this.context = context
    java.util.Collections.emptyMap()
  }

  override def receive(message: AnyRef): AnyRef = {
    val scheduler = context.taskScheduler.asInstanceOf[TaskSchedulerImpl]
    // Tasks are launched, and stages join the queue, under the same lock: none is missed between the two steps.
    scheduler.synchronized {
      val stages = scheduler.rootPool.getSortedTaskSetQueue
      message match {
        case HandedOver(shuffles) =>
          renew(stages.toSeq)
          Readers(stages.filter(mayRead(_, shuffles)).flatMap(_.runningTasksSet).toSet)
        case Readers(tasks) =>
          Readers(stages.flatMap(_.runningTasksSet).toSet.intersect(tasks))
      }
    }
  }

  /** Executors forget the places they know as soon as they get a task that is newer. */
  private def renew(stages: Seq[TaskSetManager]): Unit = {
    val tracker = SparkEnv.get.mapOutputTracker.asInstanceOf[MapOutputTrackerMaster]
    tracker.incrementEpoch()
    val now = tracker.getEpoch
    for (stage <- stages; task <- stage.tasks) task.epoch = now
  }

  private def mayRead(stage: TaskSetManager, shuffles: Set[Int]): Boolean =
    // One that the scheduler has just forgotten counts as a reader.
    context.dagScheduler.stageIdToStage.get(stage.stageId).forall(_.parents.exists {
      case map: ShuffleMapStage => shuffles.contains(map.shuffleDep.shuffleId)
      case _ => false
    })
}

private class HandoverExecutor extends ExecutorPlugin with Logging {
  private var driver: PluginContext = _

  override def init(driver: PluginContext, settings: java.util.Map[String, String]): Unit =
    this.driver = driver

  /** Called when the executor's work is over, while its files are still served. */
  override def shutdown(): Unit = {
    val manager = SparkEnv.get.blockManager
    if (manager.decommissioner.isDefined) {
      val shuffles = manager.migratableResolver.getStoredShuffles().map(_.shuffleId).toSet
      try if (shuffles.nonEmpty) waitFor(ask(HandedOver(shuffles)))
      catch {
        // Such as a driver that is gone: nobody will read anything.
        case NonFatal(error) => logWarning("Nobody says who still reads the shuffle data of this executor", error)
      }
    }
  }

  private def waitFor(first: Set[Long]): Unit = {
    var readers = first
    while (readers.nonEmpty) {
      tell(s"${readers.size} ${if (readers.size == 1) "task still reads" else "tasks still read"} its shuffle data")
      Thread.sleep(500)
      readers = ask(Readers(readers))
    }
  }

  private def ask(question: AnyRef): Set[Long] = driver.ask(question).asInstanceOf[Readers].tasks

  /** For people: what this executor waits for, as the content of the file that ZOE_NOTE names. */
  private def tell(what: String): Unit =
    for (name <- Option(System.getenv("ZOE_NOTE"))) {
      val (file, draft) = (Path.of(name), Path.of(s"$name.new"))
      Files.writeString(draft, what)
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE)
    }
}
