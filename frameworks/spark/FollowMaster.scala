// Compiled at set-up, as Handover.scala is. It lives in this package because the master's state is shown to nobody else.
package org.apache.spark.deploy.zoe

import java.util.concurrent.atomic.AtomicBoolean

import scala.concurrent.duration.DurationInt
import scala.util.control.NonFatal

import org.apache.spark.{SparkContext, SparkEnv}
import org.apache.spark.api.plugin.{DriverPlugin, ExecutorPlugin, PluginContext, SparkPlugin}
import org.apache.spark.deploy.DeployMessages.{MasterStateResponse, RequestMasterState}
import org.apache.spark.deploy.master.{Master, RecoveryState}
import org.apache.spark.internal.Logging
import org.apache.spark.rpc.{RpcAddress, RpcEndpoint, RpcEnv, RpcTimeout}
import org.apache.spark.util.ThreadUtils

/** Ends a driver of which its master knows nothing any more.
  *
  * A master that is started again finds its applications in its folder. A container's folder goes with the container:
  * workers then register anew by themselves, but a driver would wait for ever for executors, from a master that has
  * never heard of it. So after a connection has ended, this asks the master which applications it has. What ends is
  * started again by Zoe, and registers.
  */
class FollowMaster extends SparkPlugin {
  override def driverPlugin(): DriverPlugin = new FollowMasterDriver
  override def executorPlugin(): ExecutorPlugin = null
}

private class FollowMasterDriver extends DriverPlugin {
  private var context: SparkContext = _

  override def init(context: SparkContext, plugin: PluginContext): java.util.Map[String, String] = {
    this.context = context
    java.util.Collections.emptyMap()
  }

  /** Called when the master has registered the application. */
  override def registerMetrics(application: String, plugin: PluginContext): Unit = {
    val rpcEnv = SparkEnv.get.rpcEnv
    rpcEnv.setupEndpoint("ZoeFollowMaster", new MasterFollower(rpcEnv, context, application))
  }
}

private class MasterFollower(override val rpcEnv: RpcEnv, context: SparkContext, application: String)
    extends RpcEndpoint
    with Logging {
  private val address = RpcAddress.fromSparkURL(context.master)
  private val timeout = new RpcTimeout(5.seconds, "zoe.master.timeout")
  private val pause = 500.milliseconds
  private val asked = new AtomicBoolean
  private val thread = ThreadUtils.newDaemonSingleThreadExecutor("zoe-follow-master")

  /** Whoever it was: an address looks different to those who named a host. */
  override def onDisconnected(remote: RpcAddress): Unit =
    if (asked.compareAndSet(false, true)) thread.execute(() => endUnlessKnown())

  private def endUnlessKnown(): Unit = {
    asked.set(false)
    var known = isKnown
    while (known.isEmpty) {
      Thread.sleep(pause.toMillis)
      known = isKnown
    }
    if (!known.get && !context.isStopped) {
      logError(s"The master at $address was started anew and does not know $application: this server starts anew, too.")
      System.exit(1)
    }
  }

  /** None as long as nobody leads there. */
  private def isKnown: Option[Boolean] =
    try {
      val master = rpcEnv.setupEndpointRef(address, Master.ENDPOINT_NAME)
      val state = master.askSync[MasterStateResponse](RequestMasterState, timeout)
      if (state.status == RecoveryState.ALIVE) Some(state.activeApps.exists(_.id == application)) else None
    } catch {
      case NonFatal(error) =>
        logDebug(s"The master at $address does not answer", error)
        None
    }
}
